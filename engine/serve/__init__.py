"""The whole of Lathe on one machine: web server, engine worker and model worker under one supervisor."""
