"""``python -m hatespeech_no``, for launchers that start modules."""

from hatespeech_no.cli import main

if __name__ == "__main__":
    main()
