-- hold_is_due(): whether the hold h has expired and not been released.
(h.released_at IS NULL AND h.expires_at <= clock_timestamp())
