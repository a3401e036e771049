"""Opening a book, the versions of its configuration, the account kinds and what an account may spend.

Account states beyond ACTIVE, forks, merges and reinvestment join here, each in a module of its own.
"""
