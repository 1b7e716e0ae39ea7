"""The first article's experiment again, in `reports/article`: `make figures`."""
