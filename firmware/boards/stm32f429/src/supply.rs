//! The supply's voltage, by the chip's internal reference.

use embassy_stm32::{
    Peri,
    adc::{Adc, SampleTime, VrefInt},
    peripherals::ADC1,
};

/// The supply at which the factory measured the reference, mV (data sheet, internal reference
/// voltage calibration values).
const FACTORY_MV: u32 = 3_300;
/// Where it wrote what it measured: 12 bits.
const FACTORY_COUNTS: *const u16 = 0x1fff_7a2a as *const u16;
/// The converter's largest number.
const COUNTS_MAX: u16 = 4_095;

/// The converter, on the reference.
pub struct Supply {
    converter: Adc<'static, ADC1>,
    reference: VrefInt,
    factory: u16,
}

impl Supply {
    /// Switches both on: the reference takes 10 µs, and is read minutes later.
    pub fn new(converter: Peri<'static, ADC1>) -> Self {
        let converter = Adc::new(converter);
        let reference = converter.enable_vrefint();
        // SAFETY: a word of the chip's read-only system memory, aligned.
        let factory = unsafe { FACTORY_COUNTS.read_volatile() };
        Self {
            converter,
            reference,
            factory,
        }
    }

    /// The voltage at the chip's VDDA, mV; none from a chip without the factory's number.
    pub fn millivolts(&mut self) -> Option<u32> {
        // 480 cycles of 21 MHz: the reference wants 10 µs.
        let counts = self
            .converter
            .blocking_read(&mut self.reference, SampleTime::CYCLES480);
        match (self.factory, counts) {
            (1..COUNTS_MAX, 1..) => Some(FACTORY_MV * u32::from(self.factory) / u32::from(counts)),
            _ => None,
        }
    }
}
