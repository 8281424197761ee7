"""`python -m zmigrate`"""

from zmigrate.cli import main

main()
