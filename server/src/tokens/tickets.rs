//! Tickets: what the relay must know again at the next step, sealed for itself (AES-256-GCM) and carried by the
//! client: nonce 12, ciphertext, tag 16. The kind is authenticated, so that no ticket passes for another.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use minicbor::{Decode, Encode};
use protocol::{AccountId, UnixMillis, accounts::Ticket, limits::ENROLMENT_TICKET_SECONDS};
use zeroize::Zeroizing;

use crate::factors::totp::SEED_BYTES;
use crate::opaque::{CredentialId, SetupId};
use crate::secrets::{Purpose, Secrets};

/// Something that a ticket carries.
pub trait Sealed: Encode<()> + for<'b> Decode<'b, ()> {
    /// Which step it belongs to.
    const KIND: &'static str;
    /// When it is over.
    fn expires_at(&self) -> UnixMillis;
}

/// From the start to the finish of a registration; may be shown again until the handle is taken.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RegistrationTicket {
    #[n(0)]
    pub handle: String,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub credential_id: CredentialId,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub setup_id: SetupId,
    #[n(3)]
    pub expires_at: UnixMillis,
    /// SHA-256 of the invitation that the finish takes, where one is asked for.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub invite_hash: Option<[u8; 32]>,
}

/// From the start to the finish of a log-in; single use (O-2). For unknown handles the account is made up.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct LoginTicket {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub ticket_id: [u8; 16],
    #[n(1)]
    pub account_id: AccountId,
    /// The relay's OPAQUE state: with it the last message can be checked, nothing else.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub state: Vec<u8>,
    #[n(3)]
    pub expires_at: UnixMillis,
    /// The row of the audit log that notes the try; 0: the day's rows are used up.
    #[n(4)]
    pub audit_number: u64,
}

/// Lets one device enrol; spent by the enrolment that succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct EnrolmentTicket {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub ticket_id: [u8; 16],
    #[n(1)]
    pub account_id: AccountId,
    #[n(2)]
    pub expires_at: UnixMillis,
}

/// From the right password or recovery key to the second factor; good for one opening (O-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FactorTicket {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub ticket_id: [u8; 16],
    #[n(1)]
    pub account_id: AccountId,
    #[n(2)]
    pub expires_at: UnixMillis,
    #[n(3)]
    pub shown: Shown,
    /// The row of the audit log that says that a factor was asked for.
    #[n(4)]
    pub asked_number: u64,
}

/// What was right before the second factor was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Shown {
    #[n(0)]
    Password {
        /// The row of the audit log that notes the try; 0: the day's rows are used up.
        #[n(0)]
        audit_number: u64,
    },
    #[n(1)]
    RecoveryKey,
}

/// From the seed of an authenticator app to its first code; good for one set-up.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct TotpTicket {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub ticket_id: [u8; 16],
    #[n(1)]
    pub account_id: AccountId,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub seed: [u8; SEED_BYTES],
    #[n(3)]
    pub expires_at: UnixMillis,
}

/// From an e-mail address to the code that was sent there; good for one set-up.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct EmailTicket {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub ticket_id: [u8; 16],
    #[n(1)]
    pub account_id: AccountId,
    #[n(2)]
    pub address: String,
    #[n(3)]
    pub expires_at: UnixMillis,
}

/// From the start of a password change to the enrolment that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PasswordTicket {
    #[n(0)]
    pub account_id: AccountId,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub credential_id: CredentialId,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub setup_id: SetupId,
    #[n(3)]
    pub expires_at: UnixMillis,
}

impl EnrolmentTicket {
    /// When the account was opened.
    pub const fn opened_at(&self) -> UnixMillis {
        UnixMillis(self.expires_at.0.saturating_sub(ENROLMENT_TICKET_SECONDS * 1000))
    }
}

macro_rules! sealed {
    ($($ticket:ty, $kind:literal;)*) => {$(
        impl Sealed for $ticket {
            const KIND: &'static str = $kind;
            fn expires_at(&self) -> UnixMillis {
                self.expires_at
            }
        }
    )*};
}

sealed! {
    RegistrationTicket, "sotto/v1/relay/ticket/registration";
    LoginTicket, "sotto/v1/relay/ticket/login";
    EnrolmentTicket, "sotto/v1/relay/ticket/enrolment";
    PasswordTicket, "sotto/v1/relay/ticket/password";
    FactorTicket, "sotto/v1/relay/ticket/factor";
    TotpTicket, "sotto/v1/relay/ticket/totp";
    EmailTicket, "sotto/v1/relay/ticket/email";
}

/// Why a ticket is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    #[error("not a ticket of this step and relay, or over")]
    Invalid,
    #[error("a ticket could not be made")]
    NotMade,
}

/// Seals and opens tickets.
pub struct Tickets(RandomizedNonceKey);

impl Tickets {
    pub fn new(secrets: &Secrets) -> Result<Self, TicketError> {
        let key = secrets.derive(Purpose::Tickets);
        RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).map(Self).map_err(|_| TicketError::NotMade)
    }

    pub fn seal<T: Sealed>(&self, content: &T) -> Result<Ticket, TicketError> {
        let mut sealed = Zeroizing::new(minicbor::to_vec(content).map_err(|_| TicketError::NotMade)?);
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(T::KIND), &mut *sealed)
            .map_err(|_| TicketError::NotMade)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.extend_from_slice(&sealed);
        Ticket::new(bytes).map_err(|_| TicketError::NotMade)
    }

    /// Opens a ticket that is not over.
    pub fn open<T: Sealed>(&self, ticket: &Ticket, now: UnixMillis) -> Result<T, TicketError> {
        let content: T = self.open_late(ticket)?;
        if now < content.expires_at() { Ok(content) } else { Err(TicketError::Invalid) }
    }

    /// Opens a ticket that may be over: to find the answer that was given while it was not (O-7).
    pub fn open_late<T: Sealed>(&self, ticket: &Ticket) -> Result<T, TicketError> {
        let (nonce, sealed) = ticket.split_first_chunk::<NONCE_LEN>().ok_or(TicketError::Invalid)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let bytes =
            self.0.open_in_place(nonce, Aad::from(T::KIND), &mut sealed).map_err(|_| TicketError::Invalid)?;
        protocol::socket::from_bytes(bytes).map_err(|_| TicketError::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::{EnrolmentTicket, LoginTicket, PasswordTicket, TicketError, Tickets};
    use crate::secrets::Secrets;
    use protocol::{AccountId, UnixMillis, accounts::Ticket};

    const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

    fn tickets() -> Tickets {
        Tickets::new(&Secrets::open(tempfile::tempdir().unwrap().path()).unwrap()).unwrap()
    }

    fn enrolment() -> EnrolmentTicket {
        EnrolmentTicket {
            ticket_id: [1; 16],
            account_id: AccountId::from_bytes([2; 16]),
            expires_at: NOW.plus_seconds(600),
        }
    }

    #[test]
    fn a_ticket_opens_until_it_is_over() {
        let tickets = tickets();
        let ticket = tickets.seal(&enrolment()).unwrap();

        assert_eq!(tickets.open(&ticket, NOW.plus_seconds(599)), Ok(enrolment()));
        assert_eq!(
            tickets.open::<EnrolmentTicket>(&ticket, NOW.plus_seconds(600)),
            Err(TicketError::Invalid)
        );
        assert_eq!(tickets.open_late(&ticket), Ok(enrolment()));
    }

    #[test]
    fn a_ticket_of_another_kind_relay_or_content_is_refused() {
        let tickets = tickets();
        let ticket = tickets.seal(&enrolment()).unwrap();

        assert!(tickets.open::<PasswordTicket>(&ticket, NOW).is_err());
        assert!(self::tickets().open::<EnrolmentTicket>(&ticket, NOW).is_err());
        for place in 0..ticket.len() {
            let mut changed = ticket.to_vec();
            changed[place] ^= 1;
            let changed = Ticket::new(changed).unwrap();
            assert!(tickets.open::<EnrolmentTicket>(&changed, NOW).is_err(), "byte {place}");
            let cut = Ticket::new(ticket[..place].to_vec()).unwrap();
            assert!(tickets.open::<EnrolmentTicket>(&cut, NOW).is_err(), "{place} bytes");
        }
    }

    #[test]
    fn the_largest_ticket_fits_the_wire() {
        let login = LoginTicket {
            ticket_id: [1; 16],
            account_id: AccountId::from_bytes([2; 16]),
            state: vec![7; 192],
            expires_at: NOW,
            audit_number: u64::MAX,
        };

        assert!(tickets().seal(&login).is_ok());
    }
}
