"""`make demo`: the servers, and the cases of examples/ played on them."""
