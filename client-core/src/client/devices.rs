//! One's own devices, by the signed list (K-2), and what the relay adds: when it last saw each.

use protocol::{DeviceId, devices::OwnDevices};

use super::{
    Client, Device, Event,
    pending::{Ask, Purpose},
};
use crate::device_list::VerifiedDeviceList;

impl Client {
    /// One's own devices by the signed list.
    pub fn devices(&self) -> Vec<Device> {
        let Some(account) = &self.account else {
            return Vec::new();
        };
        let Ok(list) = VerifiedDeviceList::verify(&account.device_list) else {
            return Vec::new();
        };
        let device = |entry: &protocol::device_list::DeviceListEntry| Device {
            device_id: entry.device,
            name: self.device_name(entry.device),
            created_at: entry.created_at,
            last_seen_at: self.seen.get(&entry.device).copied(),
            current: entry.device == account.device_id,
        };
        list.body().live().map(device).collect()
    }

    /// How one of one's own devices is called.
    pub(super) fn device_name(&self, device: DeviceId) -> Option<String> {
        self.vault.as_ref()?.device_name(device).map(str::to_owned)
    }

    /// Asks when the relay last saw one's own devices.
    pub(super) fn fetch_devices(&mut self) {
        self.ask(Ask::get("/v1/devices"), Purpose::Devices);
    }

    pub(super) fn handle_devices(&mut self, body: &[u8]) {
        let Ok(own) = serde_json::from_slice::<OwnDevices>(body) else { return };
        if let Some(account) = self.account.as_ref().filter(|account| account.device_list != *own.device_list)
        {
            self.fetch_account(account.account_id);
        }
        let seen = own.devices.iter().map(|device| (device.device_id, device.last_seen_at)).collect();
        if self.seen != seen {
            self.seen = seen;
            self.emit(Event::DevicesChanged);
        }
    }
}
