"""A node under load: several senders at once for a bounded time, and everything delivered once; `make load`."""
