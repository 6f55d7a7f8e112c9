"""POSLog (ARTS, now OMG, versions 2 and 6): the transactions of tills as XML, made into receipts."""
