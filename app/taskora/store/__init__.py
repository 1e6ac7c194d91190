"""PostgreSQL: tables, statements, units of work. Nothing here decides; services do."""
