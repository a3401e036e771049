"""PostgreSQL: the embedded server, connections and migrations, and the stores kept in it.

Read ``server`` first: it answers "which database?". ``embedded`` runs the private server
(``server_files`` has its places and its configuration, ``server_process`` its processes, ``binaries``
its programs, ``file_lock`` what keeps commands apart). ``connect`` opens connections in the
application's role, ``migrate`` brings the schema up to date, ``dagster_storage`` keeps Dagster's own
tables in the same database.
"""
