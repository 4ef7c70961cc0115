-- stamp(): the present as a text that suits columns with and without time zone: the latter hold the time of the host's zone,
-- whatever that of the session.
to_char(now() AT TIME ZONE :'time_zone', :'stamp_format')
