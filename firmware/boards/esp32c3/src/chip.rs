//! What differs from one of Espressif's chips to another: pins, and why it started.
//!
//! One feature chooses the chip. Only the ESP32-C3 has been compiled.

use esp_hal::rtc_cntl::SocResetReason;
use nhip_node::ResetCause;

#[cfg(not(any(
    all(
        feature = "esp32",
        not(any(feature = "esp32c3", feature = "esp32c6", feature = "esp32s3"))
    ),
    all(
        feature = "esp32c3",
        not(any(feature = "esp32", feature = "esp32c6", feature = "esp32s3"))
    ),
    all(
        feature = "esp32c6",
        not(any(feature = "esp32", feature = "esp32c3", feature = "esp32s3"))
    ),
    all(
        feature = "esp32s3",
        not(any(feature = "esp32", feature = "esp32c3", feature = "esp32c6"))
    ),
)))]
compile_error!("choose one chip: --no-default-features --features esp32, esp32c6 or esp32s3");

/// Names the pins of the I²C bus, SDA and SCL, and of the lamp, as types and as parts of the chip.
macro_rules! pins {
    ($sda:ident, $scl:ident, $lamp:ident) => {
        /// Data of the I²C bus.
        pub type Sda = esp_hal::peripherals::$sda<'static>;
        /// Clock of the I²C bus.
        pub type Scl = esp_hal::peripherals::$scl<'static>;
        /// The lamp, by which the device is found.
        pub type Lamp = esp_hal::peripherals::$lamp<'static>;

        macro_rules! board_pins {
            ($board:ident) => {
                ($board.$sda, $board.$scl, $board.$lamp)
            };
        }
        pub(crate) use board_pins;
    };
}

#[cfg(any(feature = "esp32c3", feature = "esp32s3"))]
pins!(GPIO8, GPIO9, GPIO10);
// On its DevKit, GPIO8 is the lamp's and GPIO9 the boot button's.
#[cfg(feature = "esp32c6")]
pins!(GPIO6, GPIO7, GPIO18);
// GPIO6 to GPIO11 are its flash's.
#[cfg(feature = "esp32")]
pins!(GPIO21, GPIO22, GPIO2);

/// Why the chip started; a crash is a software reset with a note.
pub fn reset_cause(crashed: bool) -> ResetCause {
    match by_chip() {
        ResetCause::Software if crashed => ResetCause::Panic,
        cause => cause,
    }
}

fn by_chip() -> ResetCause {
    use SocResetReason as Reason;
    let Some(reason) = esp_hal::system::reset_reason() else {
        return ResetCause::Unknown;
    };
    match reason {
        Reason::ChipPowerOn => ResetCause::PowerOn,
        Reason::SysBrownOut => ResetCause::BrownOut,
        Reason::CoreSw => ResetCause::Software,
        Reason::CoreMwdt0 | Reason::CoreMwdt1 | Reason::CoreRtcWdt | Reason::SysRtcWdt => {
            ResetCause::Watchdog
        }
        other => of_one_chip(other),
    }
}

#[cfg(any(feature = "esp32c3", feature = "esp32c6"))]
fn of_one_chip(reason: SocResetReason) -> ResetCause {
    use SocResetReason as Reason;
    match reason {
        Reason::Cpu0Sw => ResetCause::Software,
        Reason::Cpu0Mwdt0 | Reason::Cpu0Mwdt1 | Reason::Cpu0RtcWdt | Reason::SysSuperWdt => {
            ResetCause::Watchdog
        }
        _ => ResetCause::Unknown,
    }
}

#[cfg(feature = "esp32s3")]
fn of_one_chip(reason: SocResetReason) -> ResetCause {
    use SocResetReason as Reason;
    match reason {
        Reason::CpuSw => ResetCause::Software,
        Reason::CpuMwdt0 | Reason::CpuMwdt1 | Reason::CpuRtcWdt | Reason::SysSuperWdt => {
            ResetCause::Watchdog
        }
        _ => ResetCause::Unknown,
    }
}

#[cfg(feature = "esp32")]
fn of_one_chip(reason: SocResetReason) -> ResetCause {
    use SocResetReason as Reason;
    match reason {
        Reason::Cpu0Sw => ResetCause::Software,
        Reason::CpuMwdt0 | Reason::Cpu0RtcWdt => ResetCause::Watchdog,
        _ => ResetCause::Unknown,
    }
}
