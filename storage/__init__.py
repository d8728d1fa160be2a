"""Where rows, files and messages live: settings, database, accounts, jobs, media, messages."""
