//! Joining the Wi-Fi network, and joining it again.

use crate::settings::Settings;
use core::cell::Cell;
use critical_section::Mutex;
use embassy_time::{Duration, Timer, with_timeout};
use esp_radio::wifi::{
    AuthenticationMethodConfig, Config, ControllerConfig, Password, Ssid, WifiController,
    WifiError, sta::StationConfig,
};

/// Between two attempts to join.
const RETRY: Duration = Duration::from_secs(5);
/// Between two looks at the signal.
const LOOK: Duration = Duration::from_secs(30);

static SIGNAL_DBM: Mutex<Cell<Option<i32>>> = Mutex::new(Cell::new(None));

/// The strength of the signal at the last look, dBm; none while there is no network.
pub fn signal_dbm() -> Option<i32> {
    critical_section::with(|cs| SIGNAL_DBM.borrow(cs).get())
}

fn set_signal(dbm: Option<i32>) {
    critical_section::with(|cs| SIGNAL_DBM.borrow(cs).set(dbm));
}

/// The network to join. A name or a password that the radio doesn't take is none to go on with.
pub fn config(settings: &Settings) -> ControllerConfig {
    let Ok(network) = Ssid::try_from(settings.network) else {
        panic!("the network's name is too long");
    };
    let authentication = match settings.password.map(Password::try_from) {
        Some(Ok(password)) => AuthenticationMethodConfig::Wpa2Personal(password),
        Some(Err(_)) => panic!("the network's password is too long"),
        None => AuthenticationMethodConfig::Open,
    };
    let station = StationConfig::default()
        .with_ssid(network)
        .with_authentication(authentication);
    ControllerConfig::default().with_initial_config(Config::Station(station))
}

/// Keeps the network joined.
#[embassy_executor::task]
pub async fn stay_joined(mut controller: WifiController<'static>) -> ! {
    loop {
        if controller.connect_async().await.is_ok() {
            let _: Result<(), WifiError> = while_joined(&controller).await;
        }
        set_signal(None);
        Timer::after(RETRY).await;
    }
}

async fn while_joined(controller: &WifiController<'static>) -> Result<(), WifiError> {
    loop {
        set_signal(Some(controller.rssi()?));
        let left = with_timeout(LOOK, controller.wait_for_disconnect_async()).await;
        if let Ok(left) = left {
            return left.map(drop);
        }
    }
}
