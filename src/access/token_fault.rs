//! Why a token lets nobody in.

use std::fmt;

use strum::VariantArray;

/// Why a token lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum TokenFault {
    /// There is none.
    Missing,
    /// It is no signed token, there are two in one place, or a claim of it that is judged is of another type.
    Malformed,
    /// It is signed in a way that the route does not take.
    Algorithm,
    /// It is signed by none of the keys that there are.
    UnknownKey,
    /// Its signature is not that of its key.
    Signature,
    /// It is over.
    Expired,
    /// It does not hold yet.
    Early,
    /// It would hold forever.
    Endless,
    /// Somebody else has issued it.
    Issuer,
    /// It is for somebody else.
    Audience,
    /// It does not say what the route requires.
    Claim,
}

impl TokenFault {
    /// The one word for logs and metrics.
    pub fn log_word(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::UnknownKey => "token_unknown_key",
            Self::Signature => "token_signature",
            Self::Expired => "token_expired",
            Self::Early => "token_early",
            Self::Endless => "token_endless",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Claim => "token_claim",
        }
    }

    /// Whether the one who asks is known, and may not.
    pub fn is_of_a_known_one(self) -> bool {
        self == Self::Claim
    }
}

/// What the client is told: which of its parts is wrong is told to nobody who may have forged it.
impl fmt::Display for TokenFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "a token is needed here",
            Self::Expired => "the token has expired",
            Self::Claim => "the token does not permit this",
            _ => "the token is not accepted here",
        })
    }
}
