"""The read side: questions about customers and identifiers, over HTTP and for the command line. Its journey map comes
later."""
