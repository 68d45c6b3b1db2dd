//! Who may install what: claims, grants, and a refusal with a packet that shows why.
//!
//! `cargo run --example owners`

use dpf::{
    filter::{Filter, lower},
    runtime::{ClaimId, Demux, Install, InstallError, Owner},
    syntax::Program,
};

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let (system, alice, bob) = (Owner(0), Owner(1), Owner(2));
    let mut demux = Demux::exclusive()?;

    // The root claim is the system's. It hands each tenant the packets to one address.
    let to_alice = demux.grant(system, ClaimId::ROOT, alice, filter("ip.dst == 10.0.0.1")?)?;
    let to_bob = demux.grant(system, ClaimId::ROOT, bob, filter("ip.dst == 10.0.0.2")?)?;

    let web = filter("ip.dst == 10.0.0.1 && tcp.dport in { 80, 443 }")?;
    let installed = demux.install(Install {
        owner: alice,
        claim: to_alice,
        ..Install::from(web)
    })?;
    println!("alice's web server is {}", installed.id);

    // Bob cannot reach beyond his claim.
    let greedy = filter("tcp.dport == 80")?;
    match demux.install(Install {
        owner: bob,
        claim: to_bob,
        ..Install::from(greedy)
    }) {
        Err(InstallError::OutsideClaim { witness }) => {
            println!(
                "bob is refused: he would get packets such as {:02x?}",
                witness.bytes
            );
        }
        other => println!("unexpected: {other:?}"),
    }

    // Inside one claim, the more specific filter wins; filters that merely cross are refused.
    let secure = filter("ip.dst == 10.0.0.1 && tcp.dport == 443")?;
    let inner = demux.install(Install {
        owner: alice,
        claim: to_alice,
        ..Install::from(secure)
    })?;
    println!("alice's secure server is {}, inside the other", inner.id);
    let crossing = filter("ip.dst == 10.0.0.1 && tcp.sport == 7")?;
    if let Err(error) = demux.install(Install {
        owner: alice,
        claim: to_alice,
        ..Install::from(crossing)
    }) {
        println!("refused: {error}");
    }
    Ok(())
}

fn filter(condition: &str) -> Result<Filter, Box<dyn core::error::Error>> {
    let text = format!("filter it = {condition};");
    let program =
        Program::parse(&text, "owners.rs", true).map_err(|errors| errors.render(false))?;
    let mut lowered = lower(&program).map_err(|error| error.title().to_owned())?;
    Ok(lowered.remove(0).filter)
}
