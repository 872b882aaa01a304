-- Signed revocations of devices (K-8): handed out with the device list, and carried by the commits that remove a leaf.

-- encoded, signed by the identity key, 104 bytes; null while no list marks the device as revoked
alter table devices add column revocation bytea;
