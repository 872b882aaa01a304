-- Invitations of the operator, where registration asks for one. Times are milliseconds since 1970.
create table invites (
    -- SHA-256 of its code, 32 bytes
    code_hash bytea primary key not null,
    -- accounts that may still be made with it
    uses_left bigint not null,
    created_at bigint not null,
    expires_at bigint not null
);
