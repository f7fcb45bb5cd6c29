"""A fake of every kind of server, on real sockets: speaks each dialect from one script, with faults at will."""
