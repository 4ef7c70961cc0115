-- history_setting(name): what a transaction says of itself with set_config(name, value, true); NULL where it says nothing.
nullif(current_setting($name, true), ''::text)
