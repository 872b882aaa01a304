//! People who log in by password: registered once, with the first OPAQUE message made beforehand, so that the relay's
//! share of a log-in is what costs.

use opaque_ke::{ClientLogin, ClientLoginFinishParameters, CredentialResponse};
use protocol::{
    Handle,
    accounts::OpaqueMessage,
    sessions::{LoginFinish, LoginStart, LoginStarted},
    signed::OPAQUE_CONTEXT,
};
use rand_opaque::rngs::OsRng;

use crate::{
    account::{PASSWORD, Suite},
    failure::Failure,
    http::Http,
};

/// Where a log-in begins and ends.
pub(crate) const START: &str = "/v1/sessions/login/start";
pub(crate) const FINISH: &str = "/v1/sessions/login/finish";

/// Somebody who knows a password, and perhaps has an account.
pub(crate) struct Person {
    state: ClientLogin<Suite>,
    pub(crate) start: LoginStart,
}

impl Person {
    pub(crate) fn new(handle: &str) -> Result<Self, Failure> {
        let handle: Handle = handle.parse().map_err(|_| Failure::Unreadable("a handle of ours"))?;
        let started = ClientLogin::<Suite>::start(&mut OsRng, PASSWORD)
            .map_err(|_| Failure::Unreadable("an OPAQUE message"))?;
        let credential_request = OpaqueMessage::new(started.message.serialize().to_vec())
            .map_err(|_| Failure::Unreadable("an OPAQUE message"))?;
        Ok(Self { state: started.state, start: LoginStart { handle, credential_request } })
    }

    /// The second message to an answer of the relay.
    pub(crate) fn finish(&self, started: LoginStarted) -> Result<LoginFinish, Failure> {
        let wrong = |_| Failure::Unreadable("an OPAQUE message");
        let response = CredentialResponse::deserialize(&started.credential_response).map_err(wrong)?;
        let parameters =
            ClientLoginFinishParameters { context: Some(OPAQUE_CONTEXT.as_bytes()), ..Default::default() };
        let finished =
            self.state.clone().finish(&mut OsRng, PASSWORD, response, parameters).map_err(wrong)?;
        let credential_finalization = OpaqueMessage::new(finished.message.serialize().to_vec())
            .map_err(|_| Failure::Unreadable("an OPAQUE message"))?;
        Ok(LoginFinish { ticket: started.ticket, credential_finalization })
    }

    /// Both steps; the account is open after them.
    pub(crate) async fn log_in(&self, http: &mut Http) -> Result<(), Failure> {
        let started: LoginStarted = http.json(START, &self.start).await?;
        let finish = self.finish(started)?;
        let opened: protocol::factors::Opening = http.json(FINISH, &finish).await?;
        match opened {
            protocol::factors::Opening::Opened(_) => Ok(()),
            protocol::factors::Opening::FactorRequired { .. } => {
                Err(Failure::Unreadable("an account without a second step"))
            }
        }
    }
}
