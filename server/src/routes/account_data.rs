//! What this relay knows about the caller.

use axum::extract::State;
use protocol::account_data::AccountData;
use protocol::values::List;

use crate::app::App;
use crate::auth::CallingDevice;
use crate::body::Json;
use crate::error::ApiError;
use crate::storage::account_data::{self, TABLES};

/// `GET /v1/accounts/me/data`
pub(crate) async fn show(
    State(app): State<App>,
    device: CallingDevice,
) -> Result<Json<AccountData>, ApiError> {
    let tables = app
        .db
        .read(async |conn| {
            let mut tables = Vec::with_capacity(TABLES.len());
            for table in TABLES {
                tables.push(account_data::list(conn, device.account_id, table).await?);
            }
            Ok::<_, ApiError>(tables)
        })
        .await?;
    Ok(Json(AccountData { tables: List::new(tables).map_err(ApiError::internal)? }))
}
