"""`python -m dispatchserver` is the command line."""

from dispatchserver.cli import main

if __name__ == "__main__":
    main()
