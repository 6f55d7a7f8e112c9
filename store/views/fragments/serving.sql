(model, generation) GLOBAL NOT IN (SELECT model, generation FROM models FINAL WHERE state != 2)
