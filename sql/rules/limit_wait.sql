-- limit_wait(): waits for locks as long as the caller does, where the session would wait longer: beyond that it would go on after the
-- caller has given up. session_wait is what the session says; wait_here is whether that is '0', no limit, and then whether it is to be
-- put back.
IF NOT wait_here THEN
  wait_here := session_wait::interval > pg_catalog.make_interval(secs => lock_wait_ms::double precision * 0.001::double precision);
END IF;
IF wait_here THEN
  setting := set_config('lock_timeout', lock_wait_ms::text, true);
END IF
