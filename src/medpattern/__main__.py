"""`python -m medpattern` is the command `medpattern`."""

from medpattern.cli.main import main

if __name__ == "__main__":
    main()
