"""PostgreSQL and Redis from wheels, kept in `var/`: used where no address of a real service is configured."""
