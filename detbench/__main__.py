"""``python -m detbench``."""

from detbench.cli.app import main

if __name__ == "__main__":
    main()
