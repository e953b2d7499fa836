"""Celery workers that run generators and trainers. They hold no database credentials: broker and object store only."""
