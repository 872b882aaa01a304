//! The relay's stories: every route against a real database, called in process.

#[cfg(test)]
mod account_data;
#[cfg(test)]
mod account_deletion;
#[cfg(test)]
mod accounts;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod authorisation;
#[cfg(test)]
mod blobs;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod device;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod edge;
#[cfg(test)]
mod emails;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod factors;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod invites;
#[cfg(test)]
mod key_packages;
#[cfg(test)]
mod log;
#[cfg(test)]
mod member;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod program;
#[cfg(test)]
mod records;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod removals;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod writer;
