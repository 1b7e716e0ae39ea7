"""`make slides`: a deck from the figures and pictures of your own newest run."""
