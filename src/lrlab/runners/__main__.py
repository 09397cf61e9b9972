"""A worker process: ``python -m lrlab.runners FD``, where FD is its end of the coordinator's pipe."""

import contextlib
import sys
from multiprocessing.connection import Connection

from lrlab.runners.worker import serve

with contextlib.suppress(BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
    serve(Connection(int(sys.argv[1])))
