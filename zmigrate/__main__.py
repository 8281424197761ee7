"""`python -m zmigrate`"""

import sys

from zmigrate.cli import main

sys.exit(main())
