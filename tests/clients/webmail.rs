//! A browser at the login form of `SOGo`'s webmail.
use super::{Doors, http};

/// Signs in. `Ok` has the session cookie; `Err` has the HTTP status and the answer.
pub async fn login(doors: &Doors, user: &str, password: &str) -> Result<String, String> {
    let form = serde_json::json!({"userName": user, "password": password, "rememberLogin": 0});
    let request = http()
        .post(format!("{}/SOGo/connect", doors.http))
        .json(&form);
    let answer = request.send().await.map_err(|fault| fault.to_string())?;
    let status = answer.status().as_u16();
    let cookies: Vec<_> = answer
        .headers()
        .get_all("set-cookie")
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next().map(str::to_owned))
        .collect();
    let text = answer.text().await.map_err(|fault| fault.to_string())?;
    if status == 200 && !text.contains("LoginFailed") {
        Ok(cookies.join("; "))
    } else {
        Err(format!("HTTP {status}: {text}"))
    }
}

/// Whether the session of this cookie is still signed in: then the bare address leads on to the
/// person's own pages, and else it shows the login form.
pub async fn is_signed_in(doors: &Doors, cookie: &str) -> Result<bool, String> {
    let request = http()
        .get(format!("{}/SOGo/so/", doors.http))
        .header("Cookie", cookie);
    let answer = request.send().await.map_err(|fault| fault.to_string())?;
    Ok(answer.status().as_u16() == 302)
}
