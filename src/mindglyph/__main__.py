"""Lets `python -m mindglyph` do what `mindglyph` does."""

from mindglyph.cli import main

if __name__ == "__main__":
    main()
