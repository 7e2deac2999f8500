//! Colours as they are written in style sheets.

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Colour {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

impl Colour {
    /// The colour as "#rrggbb", in lower-case hexadecimal digits.
    pub fn to_hex(self) -> String {
        todo!()
    }

    /// How bright the colour looks, from 0.0 to 1.0.
    pub fn brightness(self) -> f64 {
        let [red, green, blue] = [self.red, self.green, self.blue].map(f64::from);
        (0.299 * red + 0.587 * green + 0.114 * blue) / 255.0
    }
}
