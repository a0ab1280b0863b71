//! How the 18.6-year turn of the moon's node changes a constituent.

use super::astronomy::Longitudes;

/// The factor `f` on the amplitude and the angle `u` (degrees) on the argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Correction {
    pub f: f64,
    pub u: f64,
}

/// A constituent whose correction has a formula of its own (IHO TWCWG, Annex A).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fundamental {
    Mm,
    Mf,
    O1,
    K1,
    J1,
    M1,
    M2,
    K2,
    L2,
    M3,
}

impl Correction {
    /// No correction: what the sun alone makes.
    pub(super) const UNITY: Self = Self { f: 1.0, u: 0.0 };

    /// This correction and `factor` times another: amplitudes multiply, angles add.
    pub(super) fn and(self, other: Self, factor: f64) -> Self {
        Self {
            f: self.f * other.f.powf(factor.abs()),
            u: self.u + factor * other.u,
        }
    }
}

impl Fundamental {
    /// The correction of this constituent.
    pub(super) fn correction(self, at: &Longitudes) -> Correction {
        let n = at.node.to_radians();
        let p = at.perigee.to_radians();
        match self {
            Self::Mm => Correction {
                f: 1.0 - 0.1311 * n.cos() + 0.0538 * (2.0 * p).cos() + 0.0205 * (2.0 * p - n).cos(),
                u: 0.0,
            },
            Self::Mf => series(n, [1.084, 0.415, 0.039, 0.0], [-23.7, 2.7, -0.4]),
            Self::O1 => series(n, [1.0176, 0.1871, -0.0147, 0.0], [10.8, -1.34, 0.19]),
            Self::K1 => series(n, [1.006, 0.115, -0.0088, 0.0006], [-8.86, 0.68, -0.07]),
            Self::J1 => series(n, [1.1029, 0.1676, -0.017, 0.0016], [-12.94, 1.34, -0.19]),
            Self::M2 => series(n, [1.0007, -0.0373, 0.0002, 0.0], [-2.14, 0.0, 0.0]),
            Self::K2 => series(n, [1.0246, 0.2863, 0.0083, -0.0015], [-17.74, 0.68, -0.04]),
            Self::M3 => Correction {
                f: Self::M2.correction(at).f.powf(1.5),
                u: -3.21 * n.sin(),
            },
            Self::M1 => vector(
                p.sin() + 0.2 * (p - n).sin(),
                2.0 * (p.cos() + 0.2 * (p - n).cos()),
            ),
            Self::L2 => l2(n, p),
        }
    }
}

fn series(n: f64, f: [f64; 4], u: [f64; 3]) -> Correction {
    Correction {
        f: f[0] + f[1] * n.cos() + f[2] * (2.0 * n).cos() + f[3] * (3.0 * n).cos(),
        u: u[0] * n.sin() + u[1] * (2.0 * n).sin() + u[2] * (3.0 * n).sin(),
    }
}

fn l2(n: f64, p: f64) -> Correction {
    let terms = [
        (0.2505, 2.0 * p),
        (0.1102, 2.0 * p - n),
        (0.0156, 2.0 * (p - n)),
        (0.037, n),
    ];
    let sum = |part: fn(f64) -> f64| -> f64 { terms.iter().map(|(a, x)| a * part(*x)).sum() };
    vector(-sum(f64::sin), 1.0 - sum(f64::cos))
}

fn vector(sine: f64, cosine: f64) -> Correction {
    Correction {
        f: sine.hypot(cosine),
        u: sine.atan2(cosine).to_degrees(),
    }
}
