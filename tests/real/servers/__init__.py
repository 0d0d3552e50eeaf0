"""The real servers that tests/real runs against, each on 127.0.0.1 and in a folder of its own.

They need the programs that .ci/install_real.sh installs, and raise `MissingError` where one is not there.
"""
