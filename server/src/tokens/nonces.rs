//! The nonce that a device signs to log in (O-1): random 12, expiry in seconds 4, MAC 16 over both and the device.
//! Nothing is kept until it comes back; then its id is spent in the database, so that it works once.

use aws_lc_rs::hmac;
use protocol::{AccountId, DeviceId, UnixMillis, limits::DEVICE_NONCE_SECONDS};

use crate::secrets::{self, Purpose, Secrets, equal, tag};

/// Makes and reads nonces.
pub struct DeviceNonces(hmac::Key);

/// A nonce of this relay that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedNonce {
    pub id: [u8; 16],
    pub expires_at: UnixMillis,
}

impl DeviceNonces {
    pub fn new(secrets: &Secrets) -> Self {
        Self(secrets.hmac_key(Purpose::DeviceNonces))
    }

    /// A nonce for one device, whether it exists or not.
    pub fn issue(&self, account: AccountId, device: DeviceId, now: UnixMillis) -> std::io::Result<[u8; 32]> {
        let random: [u8; 12] = secrets::random()?;
        let expires = u32::try_from(now.0 / 1000 + DEVICE_NONCE_SECONDS).unwrap_or(u32::MAX);
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(random.into_iter().chain(expires.to_be_bytes())) {
            *to = from;
        }
        let mac = self.mac(&id, account, device);
        let mut nonce = [0; 32];
        for (to, from) in nonce.iter_mut().zip(id.into_iter().chain(mac)) {
            *to = from;
        }
        Ok(nonce)
    }

    /// `None`: not made for this device by this relay, or over.
    pub fn check(
        &self,
        nonce: &[u8; 32],
        account: AccountId,
        device: DeviceId,
        now: UnixMillis,
    ) -> Option<CheckedNonce> {
        let [id, mac] = secrets::halves(*nonce);
        let expires = u32::from_be_bytes(*id.last_chunk()?);
        let expires_at = UnixMillis(u64::from(expires) * 1000);
        let genuine = equal(&mac, &self.mac(&id, account, device));
        (genuine && now < expires_at).then_some(CheckedNonce { id, expires_at })
    }

    fn mac(&self, id: &[u8; 16], account: AccountId, device: DeviceId) -> [u8; 16] {
        let [mac, _] = secrets::halves(tag(&self.0, &[id, account.as_bytes(), device.as_bytes()]));
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceNonces;
    use crate::secrets::Secrets;
    use protocol::{AccountId, DeviceId, UnixMillis};

    #[test]
    fn a_nonce_is_good_for_its_device_and_one_minute() {
        let nonces = DeviceNonces::new(&Secrets::open(tempfile::tempdir().unwrap().path()).unwrap());
        let (account, device) = (AccountId::from_bytes([1; 16]), DeviceId::from_bytes([2; 16]));
        let now = UnixMillis(1_790_000_000_000);
        let nonce = nonces.issue(account, device, now).unwrap();

        assert!(nonces.check(&nonce, account, device, now.plus_seconds(59)).is_some());
        assert_eq!(nonces.check(&nonce, account, device, now.plus_seconds(60)), None);
        assert_eq!(nonces.check(&nonce, account, DeviceId::from_bytes([3; 16]), now), None);
        assert_eq!(nonces.check(&nonce, AccountId::from_bytes([3; 16]), device, now), None);
        for bit in 0..256 {
            let mut changed = nonce;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(nonces.check(&changed, account, device, now), None, "bit {bit}");
        }
    }
}
