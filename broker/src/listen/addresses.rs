//! How many connections each address has.

use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr, sync::Arc};

/// Connections by address, those in their handshake too.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// A place for one more from `address`, of which there may be `most`; 0 for no bound.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Place> {
        let address = address.to_canonical();
        let mut held = self.held.lock();
        let count = held.entry(address).or_default();
        if most > 0 && *count >= most {
            return None;
        }
        *count += 1;
        Some(Place {
            addresses: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.addresses.held.lock();
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_bound_and_its_places_come_back() {
        let addresses = Arc::new(Addresses::default());
        let one = IpAddr::from([10, 0, 0, 1]);
        let mapped = "::ffff:10.0.0.1".parse().unwrap();
        let (first, second) = (addresses.take(one, 2), addresses.take(mapped, 2));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.take(one, 2).is_none());
        assert!(addresses.take(IpAddr::from([10, 0, 0, 2]), 2).is_some());
        drop(first);
        assert!(addresses.take(one, 2).is_some());
        drop(second);
        assert!(addresses.held.lock().is_empty(), "nobody is remembered");
    }
}
