def test_overview(server):
    answer = server.get("risk", "/api/overview")
    print(answer.text[:3000])
    assert answer.status_code == 200
