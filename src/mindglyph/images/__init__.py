"""Digit pictures: sets, a generator, the judge, and how pictures are measured."""
