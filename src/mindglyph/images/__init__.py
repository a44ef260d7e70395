"""Digit pictures: sets, generators, the judge, and how pictures are measured."""
