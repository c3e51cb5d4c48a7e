"""Products in files and database: how they are found, loaded and saved."""
