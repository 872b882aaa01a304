-- What its owner is shown of a session.

-- to the hour
alter table sessions add column last_used_at bigint not null default 0;
-- the network that it was last used from (IPv4 /24, IPv6 /48), while it lives; null: over, or not known
alter table sessions add column address text;
