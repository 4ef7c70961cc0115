-- mark(source): the line by which a body is known to be the library's, with its revision; NULL where there is none.
pg_catalog.substring($source, E'(\x3Fn)^[[:space:]]*-- pg-promo-codes [0-9]+(\x3F=\\s*$)')
