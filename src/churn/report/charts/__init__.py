"""The page's charts, one a module: from facts to a Vega-Lite specification, a text for who cannot see it, a table."""
