# SPDX-License-Identifier: MIT
"""What with-mount, the demo, the pytest tests and the benches share.

    paths    where the binary and the checkout are
    janitor  a helper process that cleans up when we die, and kills daemons that hang
    mount    one mount: start, wait, unmount, status, remount
    rig      a local Drive with N mounts of one folder
    google   Google's own Python client, pointed at a local Drive
    models   small real models for gensim

All but google and models need nothing but the standard library.
"""
import signal

# `make check &` in a script starts us with ^C ignored, and whatever we start inherits that: daemons and
# clients that are to end on it would not.
for _number in (signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)
