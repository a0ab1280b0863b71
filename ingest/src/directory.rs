//! What the fold asks of the registry.

use nhip_registry::{
    Datastream, Device, DeviceId, NewDatastream, Registration, Registry, RegistryError,
};
use std::sync::Arc;
use thiserror::Error;

/// Who and what there is: the registry, or a stand-in for it in tests.
pub trait Directory: Send + Sync + 'static {
    /// The device of this name, retired or not.
    fn device(&self, name: &str) -> Option<Arc<Device>>;
    /// The device of this number.
    fn device_by_id(&self, id: DeviceId) -> Option<Arc<Device>>;
    /// A number that changes with every change.
    fn version(&self) -> u64;
    /// What happens to what nobody registered.
    fn registration(&self) -> Registration;
    /// Registers a device, or gives the one there is.
    fn register_device(&self, name: &str, at_us: i64) -> Result<Arc<Device>, DirectoryError>;
    /// Registers a datastream, or gives the one there is.
    fn register_datastream(
        &self,
        device: DeviceId,
        new: NewDatastream,
        at_us: i64,
    ) -> Result<Arc<Datastream>, DirectoryError>;
}

/// Why something was not registered.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// A bound is reached: reject the reading.
    #[error("{reason}")]
    Limit {
        /// Which bound.
        reason: String,
    },
    /// It can't be registered as it is: reject the reading.
    #[error("{reason}")]
    Refused {
        /// What is wrong with it.
        reason: String,
    },
    /// Not now: try again.
    #[error("{reason}")]
    Unavailable {
        /// What is missing.
        reason: String,
    },
    /// Something durable can't be read: stop.
    #[error("{reason}")]
    Damaged {
        /// What it said.
        reason: String,
    },
}

impl Directory for Registry {
    fn device(&self, name: &str) -> Option<Arc<Device>> {
        Self::device(self, name)
    }

    fn device_by_id(&self, id: DeviceId) -> Option<Arc<Device>> {
        Self::device_by_id(self, id)
    }

    fn version(&self) -> u64 {
        Self::version(self)
    }

    fn registration(&self) -> Registration {
        Self::registration(self)
    }

    fn register_device(&self, name: &str, at_us: i64) -> Result<Arc<Device>, DirectoryError> {
        Ok(Self::register_device(self, name, at_us)?)
    }

    fn register_datastream(
        &self,
        device: DeviceId,
        new: NewDatastream,
        at_us: i64,
    ) -> Result<Arc<Datastream>, DirectoryError> {
        Ok(Self::register_datastream(self, device, new, at_us)?)
    }
}

impl From<RegistryError> for DirectoryError {
    fn from(error: RegistryError) -> Self {
        let reason = error.to_string();
        match error {
            RegistryError::Limit { .. } => Self::Limit { reason },
            RegistryError::Name { .. }
            | RegistryError::Value { .. }
            | RegistryError::Datastream { .. }
            | RegistryError::Unknown { .. }
            | RegistryError::UnitFixed { .. } => Self::Refused { reason },
            RegistryError::Database(_) | RegistryError::Unavailable(_) => {
                Self::Unavailable { reason }
            }
            RegistryError::Damaged { .. }
            | RegistryError::Places { .. }
            | RegistryError::Poisoned => Self::Damaged { reason },
        }
    }
}
