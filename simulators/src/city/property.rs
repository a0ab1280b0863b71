//! What instruments of the city measure.

/// An observed property, with the unit, resolution and range of a usual instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// Fine dust, µg/m³.
    Pm2_5,
    /// Dust, µg/m³.
    Pm10,
    /// Air temperature, °C.
    Temperature,
    /// Relative humidity, %.
    Humidity,
    /// Air pressure, hPa.
    Pressure,
    /// Rain intensity, mm/h.
    Rain,
    /// Wind speed, m/s.
    WindSpeed,
    /// River level above the mean sea level, m.
    WaterLevel,
    /// Sound level, dB(A).
    Noise,
    /// Vehicles that passed in a minute.
    Cars,
    /// Whether a street light is on: 0 or 1.
    StreetLight,
    /// Electric power, W.
    Power,
}

struct Traits {
    name: &'static str,
    unit: &'static str,
    decimals: i32,
    range: (f64, f64),
}

impl Property {
    /// Every property.
    pub const ALL: [Self; 12] = [
        Self::Pm2_5,
        Self::Pm10,
        Self::Temperature,
        Self::Humidity,
        Self::Pressure,
        Self::Rain,
        Self::WindSpeed,
        Self::WaterLevel,
        Self::Noise,
        Self::Cars,
        Self::StreetLight,
        Self::Power,
    ];

    /// Its name in topics and payloads.
    pub fn name(self) -> &'static str {
        self.traits().name
    }

    /// Its UCUM unit.
    pub fn unit(self) -> &'static str {
        self.traits().unit
    }

    /// The smallest and the largest value that the instrument can give.
    pub fn range(self) -> (f64, f64) {
        self.traits().range
    }

    /// How many decimals its instrument gives.
    pub fn decimals(self) -> u8 {
        self.traits().decimals as u8
    }

    /// A value cut to the range and rounded to the resolution of the instrument.
    pub fn round(self, value: f64) -> f64 {
        let Traits {
            decimals, range, ..
        } = self.traits();
        let scale = 10_f64.powi(decimals);
        (value.clamp(range.0, range.1) * scale).round() / scale
    }

    fn traits(self) -> Traits {
        let (name, unit, decimals, range) = match self {
            Self::Pm2_5 => ("pm2_5", "ug/m3", 1, (0.0, 1000.0)),
            Self::Pm10 => ("pm10", "ug/m3", 1, (0.0, 2000.0)),
            Self::Temperature => ("temperature", "Cel", 1, (-40.0, 85.0)),
            Self::Humidity => ("humidity", "%", 1, (0.0, 100.0)),
            Self::Pressure => ("pressure", "hPa", 1, (300.0, 1100.0)),
            Self::Rain => ("rain_rate", "mm/h", 1, (0.0, 300.0)),
            Self::WindSpeed => ("wind_speed", "m/s", 1, (0.0, 75.0)),
            Self::WaterLevel => ("water_level", "m", 3, (-10.0, 20.0)),
            Self::Noise => ("noise", "dB[SPL]", 1, (20.0, 140.0)),
            Self::Cars => ("vehicle_count", "1", 0, (0.0, 100_000.0)),
            Self::StreetLight => ("lamp_state", "1", 0, (0.0, 1.0)),
            Self::Power => ("power", "W", 1, (0.0, 100_000.0)),
        };
        Traits {
            name,
            unit,
            decimals,
            range,
        }
    }
}
